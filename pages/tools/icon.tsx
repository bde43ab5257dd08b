import type { Kind } from '../../src/http/wire/tools.ts'

/** What a shape stands for. Each has a form of its own: nobody has to see colours. */
export type Shape = Kind | 'problem' | 'hazard' | 'people' | 'full'

const PATHS: Readonly<Record<Shape, string>> = {
  free: 'M12 3a9 9 0 1 0 .01 0zM12 6a6 6 0 1 1-.01 0z',
  in_use: 'M12 3a9 9 0 1 0 .01 0z',
  down: 'M8 2h8l6 6v8l-6 6H8l-6-6V8zM8.5 6.5l-2 2L10 12l-3.5 3.5 2 2L12 14l3.5 3.5 2-2L14 12l3.5-3.5-2-2L12 10z',
  delayed: 'M5 2h14v4l-5 6 5 6v4H5v-4l5-6-5-6zM8 5l4 5 4-5z',
  outage: 'M2 5h20v14H2zM5 8v8h2V8zM9 8v8h2V8zM13 8v8h2V8zM17 8v8h2V8z',
  missing: 'M3 3h18v18H3zM6 10.5v3h12v-3z',
  reserved: 'M12 1l11 11-11 11L1 12zM12 5.2L5.2 12l6.8 6.8 6.8-6.8z',
  problem: 'M12 2l11 20H1zM10.8 9v7h2.4V9zM10.8 17.5v2.3h2.4v-2.3z',
  hazard: 'M12 2l11 20H1zM13.5 8l-5 6.5h3L10 20l5.5-7h-3z',
  people:
    'M8 4a4 4 0 1 0 .01 0zM1 21c0-5 3-8 7-8s7 3 7 8zM17 6a3 3 0 1 0 .01 0zM16 13.3c4-.9 7 2 7 6.7h-6c0-2.8-.3-5-1-6.7z',
  full: 'M12 2l10 10-10 10L2 12zM10.8 7v6.5h2.4V7zM10.8 15v2.3h2.4V15z',
}

/** A shape as large as the text beside it, which says the same in words. */
export function Icon({ shape }: { shape: Shape }) {
  return (
    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true">
      <path fill="currentColor" fill-rule="evenodd" d={PATHS[shape]} />
    </svg>
  )
}
