import Type, { type Static } from 'typebox'
import { CHECK_CODES, CHECK_STAGES } from './catalogue.ts'
import { METRICS, type MetricName } from './metrics.ts'

const LEVEL = Type.Enum(['ok', 'warning', 'critical', 'unknown'])
const CODE = Type.Enum(CHECK_CODES)
const METRIC_NAMES = Object.keys(METRICS) as MetricName[]

/** JSON Schema of what `nemo-mqtt-check --json` prints; `--schema` prints it. */
export const CHECK_REPORT = Type.Object(
  {
    program: Type.Literal('nemo-mqtt-check'),
    version: Type.String({ description: 'release of nemo-mqtt' }),
    time: Type.String({ description: 'RFC 3339, UTC' }),
    level: LEVEL,
    exit_code: Type.Integer({ minimum: 0, maximum: 3 }),
    duration_ms: Type.Integer({ minimum: 0 }),
    results: Type.Array(
      Type.Object(
        {
          code: CODE,
          stage: Type.Enum([...CHECK_STAGES]),
          level: LEVEL,
          found: Type.String({ description: 'what was found' }),
          why: Type.String({ description: 'why it matters' }),
          todo: Type.Union([Type.String(), Type.Null()], { description: 'what to do' }),
          because: Type.Union([CODE, Type.Null()], { description: 'the check whose failure is the reason' }),
        },
        { additionalProperties: false },
      ),
      { description: 'in the order of the pipeline; several with one code where several things are wrong' },
    ),
    metrics: Type.Object(
      Object.fromEntries(
        METRIC_NAMES.map((name) => [
          name,
          Type.Union([Type.Number(), Type.Null()], { description: METRICS[name].description }),
        ]),
      ),
      { additionalProperties: false },
    ),
  },
  { $schema: 'https://json-schema.org/draft/2020-12/schema', title: 'nemo-mqtt-check', additionalProperties: false },
)

/** What `nemo-mqtt-check --json` prints. */
export type CheckReportJson = Static<typeof CHECK_REPORT>
