/**
 * The beginning of a text, as a text of its own: a slice would keep the whole text in memory that it was taken from.
 *
 * @param most characters
 */
export function cut(text: string, most: number): string {
  return text.length <= most ? text : Buffer.from(text.slice(0, most).toWellFormed()).toString()
}
