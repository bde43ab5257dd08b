import { signal } from '@preact/signals'
import { pageData } from '../frame/page-data.ts'
import { Areas } from './areas.tsx'
import { lastWord, listen, notLive, problem, shownTools } from './laboratory.ts'
import { NotLive } from './not-live.tsx'
import { chosen, countsOf, type Filter, groupsOf } from './order.ts'
import { Tile } from './tile.tsx'

const FILTERS = [
  ['all', 'all'],
  ['in_use', 'in use'],
  ['free', 'free'],
  ['care', 'down or with a problem'],
] as const satisfies readonly (readonly [Filter, string])[]

const filter = signal<Filter>('all')
const search = signal('')

listen()

/** Tools and areas for somebody who sits in front of them. */
export function Board() {
  const tools = shownTools.value
  const groups = groupsOf(chosen(tools, filter.value, search.value))
  return (
    <div class={notLive.value === null ? 'tools' : 'tools stale'}>
      <h1 class="visually-hidden">Tools</h1>
      <Choice />
      <NotLive />
      {groups.map(({ name, tools: members, isCare }) => (
        <section key={name} aria-label={name}>
          <h2>
            {name} <span class="number">{members.length}</span>
          </h2>
          <ul class="tiles">
            {members.map((tool) => (
              <Tile key={tool.tool_id} tool={tool} category={isCare} />
            ))}
          </ul>
        </section>
      ))}
      {groups.length === 0 && lastWord.value !== undefined && (
        <p class="notice">{tools.length === 0 ? 'NEMO shows no tools.' : 'No tool is like that.'}</p>
      )}
      <Areas people={true} />
      {problem.value !== null && <p class="footnote">{problem.value}</p>}
    </div>
  )
}

function Choice() {
  const counts = countsOf(shownTools.value)
  return (
    <div class="choice">
      <label>
        <span class="visually-hidden">Search by tool, category or person</span>
        <input
          type="search"
          placeholder="Tool, category or person"
          value={search.value}
          onInput={(event) => {
            search.value = event.currentTarget.value
          }}
        />
      </label>
      <fieldset>
        <legend class="visually-hidden">Which tools</legend>
        {FILTERS.map(([name, words]) => (
          <button
            key={name}
            type="button"
            aria-pressed={filter.value === name}
            onClick={() => {
              filter.value = name
            }}
          >
            <b>{counts[name]}</b> {words}
          </button>
        ))}
      </fieldset>
      <a href={`${pageData.prefix}/mqtt/tools/?kiosk`}>Wall display</a>
    </div>
  )
}
