import type { Overview } from '../../src/http/wire/configuration.ts'
import { isAdmin, pageData } from '../frame/page-data.ts'

/** What is in force, and who may change it. */
export function Notices({ overview: { configurations, isInUse, service } }: { overview: Overview }) {
  const enabled = configurations.find((one) => one.enabled)
  return (
    <>
      {isAdmin ? null : <Viewer />}
      {service.state === 'failing' ? (
        <p class="notice failing">
          {service.why}
          {service.todo === '' ? '' : `. Try: ${service.todo}`}
        </p>
      ) : null}
      {service.state === 'waiting' ? <p class="notice waiting">{service.why}</p> : null}
      {service.role === 'standby' ? (
        <p class="notice">This instance is the standby: what is saved here is used by the active one.</p>
      ) : null}
      {enabled === undefined && !isInUse ? (
        <p class="notice">
          No configuration was ever enabled: the environment of the service alone counts. Once one is enabled, one must
          be.
        </p>
      ) : null}
    </>
  )
}

function Viewer() {
  const { prefix, hasPasswords } = pageData
  const login = `${prefix}/mqtt/login?next=${encodeURIComponent('/customization/mqtt/')}`
  return (
    <p class="notice">
      You may look. To change things,{' '}
      {hasPasswords ? (
        <>
          log in at <a href={login}>/mqtt/login</a> with the password of <code>NEMO_MQTT_HTTP_ADMIN_PASSWORD</code>.
        </>
      ) : (
        <>
          set <code>NEMO_MQTT_HTTP_ADMIN_PASSWORD</code> in the environment of the service, start it again, and log in
          at <code>/mqtt/login</code>.
        </>
      )}
    </p>
  )
}
