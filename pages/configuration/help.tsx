/** A text of ours with code between backticks. */
export function Help({ text }: { text: string }) {
  return <>{text.split('`').map((part, n) => (n % 2 === 0 ? part : <code key={part}>{part}</code>))}</>
}
