import type { Role, Visitor } from '../../src/http/access/visitor.ts'

const { dataset } = document.body

/** What the server wrote into the page: see PageData in src/http/page.ts. */
export const pageData = {
  /** What stands in front of every path of ours. */
  prefix: dataset.prefix ?? '',
  page: dataset.page ?? '',
  role: (dataset.role ?? 'viewer') as Role,
  by: (dataset.by ?? 'machine') as Visitor['by'],
  visitor: dataset.visitor ?? '',
  hasPasswords: dataset.hasPasswords === 'true',
}

/** Whether this visitor may change things. */
export const isAdmin = pageData.role === 'admin'
