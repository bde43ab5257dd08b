/** A file of an archive. */
export interface TarFile {
  /** At most 100 bytes. */
  readonly name: string
  readonly text: string
}

const BLOCK = 512

/**
 * An archive in the format ustar (POSIX.1-1988, `pax` of POSIX), which every tar reads.
 *
 * @throws RangeError when a name is too long
 */
export function tarOf(files: readonly TarFile[], at: Date): Buffer {
  const parts = files.flatMap(({ name, text }) => {
    const content = Buffer.from(text)
    return [header(name, content.length, at), content, Buffer.alloc((BLOCK - (content.length % BLOCK)) % BLOCK)]
  })
  return Buffer.concat([...parts, Buffer.alloc(2 * BLOCK)])
}

function header(name: string, size: number, at: Date): Buffer {
  if (Buffer.byteLength(name) > 100) throw new RangeError(`the name ${name} is too long for an archive`)
  const block = Buffer.alloc(BLOCK)
  const octal = (value: number, offset: number, digits: number): void => {
    block.write(value.toString(8).padStart(digits, '0'), offset, 'ascii')
  }
  block.write(name, 0)
  octal(0o600, 100, 7)
  octal(0, 108, 7) // owner
  octal(0, 116, 7) // group
  octal(size, 124, 11)
  octal(Math.floor(at.getTime() / 1_000), 136, 11)
  block.write('        0', 148, 'ascii') // the checksum counts as spaces while it is made; then an ordinary file
  block.write('ustar\0', 257, 'ascii')
  block.write('00', 263, 'ascii')
  const sum = block.reduce((total, byte) => total + byte, 0)
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'ascii')
  return block
}
