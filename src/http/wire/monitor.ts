/** What the monitor page and the service say to each other. */
export type {
  Box,
  BoxName,
  Kind,
  Sample,
  ShownBatch,
  ShownCheck,
  ShownColumn,
  ShownFinding,
  ShownHistory,
  ShownMessage,
  ShownPipeline,
  ShownTrace,
  ShownWay,
  Totals,
  Trouble,
  WholeMessage,
} from '../../monitor/shown.ts'
export { BOXES, KINDS } from '../../monitor/shown.ts'
