import { Fragment } from 'preact'
import { needsCare, type ToolState } from '../../src/http/wire/tools.ts'
import { minute, now } from './clock.ts'
import { Icon } from './icon.tsx'
import { lengthOf, timeOf } from './when.ts'
import { wordsFor } from './words.ts'

/** A name of more letters is written narrower, one of many more smaller: its end, often a number, must not be lost. */
const LONG = 15
const LONGEST = 25

/** One tool. `category` is told where the tile does not stand among those of its own. */
export function Tile({ tool, category }: { tool: ToolState; category: boolean }) {
  void minute.value // durations and days go on without any news
  const { kind, state, who, since, notes } = wordsFor(tool, now())
  const name = tool.tool_name ?? `Tool ${tool.tool_id}`
  const isInline = kind === 'in_use'
  return (
    <li class={`tile ${kind}${needsCare(tool) ? ' care' : ''}`} data-tool={tool.tool_id}>
      <h3 class={name.length > LONGEST ? 'longest' : name.length > LONG ? 'long' : undefined} title={name}>
        {breakable(name)}
      </h3>
      <div class="lines">
        <p class="state">
          <Icon shape={kind} />
          <b>{state}</b>
          {isInline && <span class="who">{who}</span>}
        </p>
        {!isInline && who !== '' && <p class="who">{who}</p>}
        {since !== null && (
          <p class="since">
            since {timeOf(since, now())} · <span class="length">{lengthOf(since, now())}</span>
          </p>
        )}
        {notes.map(({ shape, text }) => (
          <p key={`${shape} ${text}`} class={`note ${shape ?? ''}`}>
            {shape !== null && <Icon shape={shape} />}
            <span>{text}</span>
          </p>
        ))}
        {category && tool.category !== null && <p class="category">{tool.category}</p>}
      </div>
    </li>
  )
}

function breakable(name: string) {
  return name.split(/(?<=[/_])/).map((part, place) => (
    <Fragment key={place}>
      {place > 0 && <wbr />}
      {part}
    </Fragment>
  ))
}
