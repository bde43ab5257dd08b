import type { CommandModule } from 'yargs'
import { createCommand } from './create.ts'
import { deleteCommand } from './delete.ts'
import { enableCommand } from './enable.ts'
import { exportCommand } from './export.ts'
import { historyCommand } from './history.ts'
import { importCommand } from './import.ts'
import { listCommand } from './list.ts'
import { previewCommand } from './preview.ts'
import { setCommand } from './set.ts'
import { showCommand } from './show.ts'
import { testCommand } from './test.ts'
import { undoCommand } from './undo.ts'
import { unsetCommand } from './unset.ts'

/** `nemo-mqtt config`. */
export const configCommand: CommandModule = {
  command: 'config',
  describe: 'stored configurations: list, show, change, enable, take back, test, preview',
  builder: (yargs) =>
    yargs
      .command(listCommand)
      .command(showCommand)
      .command(createCommand)
      .command(setCommand)
      .command(unsetCommand)
      .command(enableCommand)
      .command(testCommand)
      .command(previewCommand)
      .command(deleteCommand)
      .command(historyCommand)
      .command(undoCommand)
      .command(exportCommand)
      .command(importCommand)
      .demandCommand(1, 'say what to do with the configurations: nemo-mqtt config --help'),
  handler: () => undefined, // one of the above is always demanded
}
