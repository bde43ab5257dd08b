/** The space for tiles, in pixels. */
export interface Space {
  readonly width: number
  readonly height: number
}

/** How tiles lie in a space. */
export interface Fit {
  /** Height of a name's letters, in pixels; everything on a tile is in proportion to it. */
  readonly size: number
  readonly columns: number
  readonly rows: number
  /** How many screens it takes. */
  readonly pages: number
}

/** A tile is at least so many times as wide and as high as the letters of its name. */
const WIDTH = 10.6
const HEIGHT = 4.45
/** Between tiles, in pixels. */
export const GAP = 6
const LARGEST = 72

/**
 * The largest letters with which all tiles are on the screen; when they would be smaller than `smallest`, several
 * screens with letters of that size.
 */
export function fitTiles(count: number, space: Space, smallest: number): Fit {
  let best: Fit = { size: 0, columns: 1, rows: 1, pages: 1 }
  for (let columns = 1; columns <= Math.max(1, count); columns += 1) {
    const rows = Math.ceil(Math.max(1, count) / columns)
    const size = Math.min(LARGEST, sizeOf(space.width, columns, WIDTH), sizeOf(space.height, rows, HEIGHT))
    if (size > best.size) best = { size, columns, rows, pages: 1 }
  }
  if (best.size >= smallest) return best
  const columns = Math.max(1, Math.floor((space.width + GAP) / (WIDTH * smallest + GAP)))
  const rows = Math.max(1, Math.floor((space.height + GAP) / (HEIGHT * smallest + GAP)))
  // The same number on each screen, and as large as that allows.
  const pages = Math.ceil(count / (columns * rows))
  if (pages === 1) return { size: smallest, columns, rows, pages }
  const even = fitTiles(Math.ceil(count / pages), space, 0)
  return { ...even, pages }
}

function sizeOf(length: number, parts: number, times: number): number {
  return (length - (parts - 1) * GAP) / parts / times
}
