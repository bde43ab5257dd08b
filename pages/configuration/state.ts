import { computed, signal } from '@preact/signals'
import type {
  Conflict,
  EditRequest,
  FieldProblem,
  History,
  Opened,
  Overview,
} from '../../src/http/wire/configuration.ts'
import { countOf, NO_EDIT } from './draft.ts'

/** What the status line says. */
export interface Status {
  readonly kind: 'ok' | 'failing'
  readonly lines: readonly string[]
}

/** Everything but what is in a configuration; undefined until it has come. */
export const overview = signal<Overview | undefined>(undefined)
/** The configuration in the form. */
export const opened = signal<Opened | undefined>(undefined)
/** What was changed in the form and is not saved. */
export const edit = signal<EditRequest>(NO_EDIT)
/** What is wrong with the form as it is. */
export const problems = signal<readonly FieldProblem[]>([])
/** Somebody else was faster. */
export const conflict = signal<Conflict | undefined>(undefined)
/** The newest changes. */
export const history = signal<History | undefined>(undefined)
/** Of which configuration; of all when empty. */
export const historyOf = signal('')
/** What happened last. */
export const status = signal<Status | undefined>(undefined)
/** Whether something is being done that nothing else should be done beside. */
export const isBusy = signal(false)

/** How many settings were changed and are not saved. */
export const unsaved = computed(() => countOf(edit.value))
