import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { CommandModule } from 'yargs'
import { asyncApi } from '../contract/asyncapi.ts'
import { isSchema, SCHEMA_NAMES, schemaOf } from '../contract/schemas.ts'
import { AppError } from '../errors.ts'
import { nearest } from '../nearest.ts'
import { type Print, printLine } from './terminal.ts'

/** What can be given to `nemo-mqtt schema`. */
export interface SchemaArguments {
  name?: string | undefined
  asyncapi?: boolean | undefined
  write?: string | undefined
}

/**
 * Prints one schema, the AsyncAPI document or the names of all schemas; or writes everything into a folder.
 *
 * @returns the exit code
 * @throws AppError NEMO_MQTT_ERR_CONFIG when there is no schema of this name
 */
export function schema({ name, asyncapi, write }: SchemaArguments, print: Print): number {
  if (write !== undefined) writeAll(write)
  else if (asyncapi === true) print(textOf(asyncApi()))
  else if (name === undefined) for (const one of SCHEMA_NAMES) print(one)
  else if (isSchema(name)) print(textOf(schemaOf(name)))
  else {
    const near = nearest(name, SCHEMA_NAMES)
    throw new AppError('NEMO_MQTT_ERR_CONFIG', `there is no schema "${name}"`, {
      hint: near === undefined ? 'nemo-mqtt schema lists them' : `nemo-mqtt schema ${near}`,
    })
  }
  return 0
}

/** `nemo-mqtt schema`. */
export const schemaCommand: CommandModule<object, SchemaArguments> = {
  command: 'schema [name]',
  describe: 'the contract with subscribers: JSON Schema of a message, or all of it as AsyncAPI',
  builder: (yargs) =>
    yargs
      .positional('name', { type: 'string', describe: 'of an event; without it the names are listed' })
      .option('asyncapi', { type: 'boolean', describe: 'the whole contract as an AsyncAPI 3.0 document' })
      .option('write', { type: 'string', describe: 'write all of them into this folder' }),
  handler: (given) => {
    process.exitCode = schema(given, printLine)
  },
}

function writeAll(folder: string): void {
  mkdirSync(folder, { recursive: true })
  for (const name of SCHEMA_NAMES) writeFileSync(join(folder, `${name}.json`), `${textOf(schemaOf(name))}\n`)
  writeFileSync(join(folder, 'asyncapi.json'), `${textOf(asyncApi())}\n`)
}

function textOf(document: object): string {
  return JSON.stringify(document, null, 2)
}
