import type { Overview } from '../../src/http/wire/configuration.ts'
import { Help } from './help.tsx'

/** What comes from the environment only: nobody changes it here. */
export function MachinePanel({ overview: { machine } }: { overview: Overview }) {
  return (
    <section class="panel" aria-labelledby="machine">
      <h2 id="machine">This machine</h2>
      <p class="help">From the environment of the service only; a change there needs a restart.</p>
      <dl class="machine">
        {machine.map(({ variable, help, value, isSet, from }) => (
          <div key={variable}>
            <dt>
              <code>{variable}</code>
            </dt>
            <dd>
              <span class={isSet ? 'value' : 'quiet'}>
                {value === undefined || !isSet ? (isSet ? 'set' : 'not set') : value}
              </span>
              {from === 'default' && isSet ? <span class="quiet"> (default)</span> : null}
              <div class="help">
                <Help text={help} />
              </div>
            </dd>
          </div>
        ))}
      </dl>
    </section>
  )
}
