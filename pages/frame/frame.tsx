import { type ComponentChildren, render } from 'preact'
import { pageData } from './page-data.ts'
import { ThemeSwitch } from './theme.tsx'

const PLACES = [
  { page: 'monitor', path: '/mqtt/monitor/', name: 'Monitor' },
  { page: 'tools', path: '/mqtt/tools/', name: 'Tools' },
  { page: 'configuration', path: '/customization/mqtt/', name: 'Configuration' },
] as const

/** Draws a page within the frame that all of them have: where one is, who one is, light or dark. */
export function show(content: ComponentChildren): void {
  render(<Frame>{content}</Frame>, document.body)
}

function Frame({ children }: { children: ComponentChildren }) {
  const { prefix, page } = pageData
  return (
    <>
      <a class="skip" href="#content">
        Skip to the content
      </a>
      <header class="frame">
        <strong>NEMO MQTT</strong>
        <nav aria-label="Pages">
          {PLACES.map(({ page: name, path, name: title }) => (
            <a key={name} href={`${prefix}${path}`} aria-current={page === name ? 'page' : undefined}>
              {title}
            </a>
          ))}
        </nav>
        <ThemeSwitch />
        <Who />
      </header>
      <main id="content">{children}</main>
    </>
  )
}

function Who() {
  const { prefix, by, role, visitor, hasPasswords } = pageData
  const next = encodeURIComponent(location.pathname.slice(prefix.length))
  if (by === 'session') {
    return (
      <form method="post" action={`${prefix}/mqtt/logout`} class="who">
        <span>{role}</span>
        <button type="submit">Log out</button>
      </form>
    )
  }
  if (by === 'machine' && hasPasswords) {
    return (
      <a class="who" href={`${prefix}/mqtt/login?next=${next}`}>
        Log in
      </a>
    )
  }
  return (
    <span class="who" title={`${visitor}, ${role}`}>
      {by === 'proxy' ? visitor : role}
    </span>
  )
}
