import { type Kind, kindOf, needsCare, type ToolState } from '../../src/http/wire/tools.ts'

/** Tools that stand together. */
export interface Group {
  readonly name: string
  readonly tools: readonly ToolState[]
  /** Those that somebody should look after, from all categories. */
  readonly isCare: boolean
}

/** What the tools are narrowed down to. */
export type Filter = 'all' | 'in_use' | 'free' | 'care'

const OTHER = 'Other tools'
const collator = new Intl.Collator(undefined, { numeric: true, sensitivity: 'base' })

/** First those that are down or have a problem, then the others by category and name. */
export function groupsOf(tools: readonly ToolState[]): Group[] {
  const sorted = [...tools].sort((a, b) => collator.compare(a.tool_name ?? '', b.tool_name ?? ''))
  const care = sorted
    .filter(needsCare)
    .sort((a, b) => Number(a.operational !== false) - Number(b.operational !== false))
  const categories = new Map<string, ToolState[]>()
  for (const tool of sorted) {
    if (needsCare(tool)) continue
    const name = tool.category || OTHER
    categories.set(name, [...(categories.get(name) ?? []), tool])
  }
  const names = [...categories.keys()].sort(
    (a, b) => Number(a === OTHER) - Number(b === OTHER) || collator.compare(a, b),
  )
  return [
    ...(care.length > 0 ? [{ name: 'Down, or with a problem', tools: care, isCare: true }] : []),
    ...names.map((name) => ({ name, tools: categories.get(name) ?? [], isCare: false })),
  ]
}

/** The tools that a filter and a search leave: each word must be in the name, the category, or a name of a person. */
export function chosen(tools: readonly ToolState[], filter: Filter, search: string): readonly ToolState[] {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean)
  return tools.filter((tool) => passes(tool, filter) && words.every((word) => textOf(tool).includes(word)))
}

/** How many tools are of each filter. */
export function countsOf(tools: readonly ToolState[]): Readonly<Record<Filter | 'down', number>> {
  return {
    all: tools.length,
    in_use: tools.filter((tool) => passes(tool, 'in_use')).length,
    free: tools.filter((tool) => passes(tool, 'free')).length,
    care: tools.filter(needsCare).length,
    down: tools.filter((tool) => tool.operational === false).length,
  }
}

const FREE: ReadonlySet<Kind> = new Set(['free', 'reserved'])

function passes(tool: ToolState, filter: Filter): boolean {
  switch (filter) {
    case 'all':
      return true
    case 'in_use':
      return tool.in_use === true
    case 'free':
      return FREE.has(kindOf(tool))
    case 'care':
      return needsCare(tool)
  }
}

function textOf({ tool_name, category, usage, reservation, next_reservation, problem }: ToolState): string {
  const texts = [tool_name, category, usage?.user_name, usage?.operator_name, usage?.tool_name, problem?.title]
  return [...texts, reservation?.user_name, next_reservation?.user_name].filter(Boolean).join('\n').toLowerCase()
}
