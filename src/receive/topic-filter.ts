import { AppError } from '../errors.ts'

/**
 * A topic filter of MQTT (MQTT 5, section 4.7) as a regular expression that JavaScript and PostgreSQL read alike.
 *
 * @throws AppError NEMO_MQTT_ERR_CONFIG when a broker would refuse the filter
 */
export function filterPattern(filter: string): string {
  const levels = filter.split('/')
  const isMisused = levels.some(
    (level, index) =>
      (level.includes('+') && level !== '+') || (level.includes('#') && (level !== '#' || index < levels.length - 1)),
  )
  if (filter === '' || isMisused) {
    throw new AppError('NEMO_MQTT_ERR_CONFIG', `"${filter}" is no topic filter`, {
      hint: '+ stands for one whole level, # for all that follow, at the end only: nemo/tools/+/start, nemo/areas/#',
    })
  }
  const isOpen = levels.at(-1) === '#'
  const named = (isOpen ? levels.slice(0, -1) : levels).map((level) => (level === '+' ? '[^/]*' : escaped(level)))
  // "a/#" is "a" too; a wildcard at the beginning does not reach the topics of the broker itself.
  const beginning = levels[0] === '+' || levels[0] === '#' ? '^(?!\\$)' : '^'
  if (!isOpen) return `${beginning}${named.join('/')}$`
  return named.length === 0 ? beginning : `${beginning}${named.join('/')}(/|$)`
}

function escaped(level: string): string {
  return level.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')
}
