import t from 'tap'
import { Ledger, type Match } from '../../lab/demo/ledger.ts'
import type { WrittenChange } from '../../lab/life.ts'
import type { ReceivedMessage } from '../../lab/subscriber.ts'

const AT = Date.UTC(2025, 0, 2, 3, 4, 5, 678)

function change(...expected: [event: string, topic: string][]): WrittenChange {
  return {
    table: 'NEMO_tool',
    operation: 'UPDATE',
    id: 1,
    columns: [],
    committedAt: AT + 1,
    expected: expected.map(([event, topic]) => ({ event, topic })),
  }
}

let ids = 0
function message(event: string, topic: string, other: Partial<ReceivedMessage> = {}): ReceivedMessage {
  ids += 1
  const parsed = { event, event_id: `x-${ids}`, timestamp: '2025-01-02T03:04:05.678250Z' }
  const wire = { payload: JSON.stringify(parsed), raw: '', qos: 1, retain: false, dup: false, properties: {} }
  return { topic: `nemo/${topic}`, parsed, ...wire, receivedAt: AT + 3, fault: undefined, ...other }
}

function ledger() {
  const matches: Match[] = []
  return { matches, book: new Ledger('nemo', (match) => matches.push(match)) }
}

t.test('a message is matched with its change, whichever is heard of first', async (t) => {
  const { book, matches } = ledger()
  book.wrote(change(['tool_updated', 'tools/1']))
  book.received(message('tool_updated', 'tools/1'))
  book.received(message('tool_enabled', 'tools/2/enabled'))
  book.wrote(change(['tool_enabled', 'tools/2/enabled']))
  t.match(book.totals(), { changes: 2, messages: 2, missing: [], surplus: [], overtakers: [], repeats: 0 })
  t.equal(book.open, 0)
  t.strictSame(
    matches.map(({ latencyMs }) => latencyMs.toFixed(2)),
    ['2.75', '2.75'],
    'from the change to the arrival, to the microsecond',
  )
})

t.test('what is missing and what nobody expected is named', async (t) => {
  const { book } = ledger()
  book.wrote(change(['tool_updated', 'tools/1'], ['tool_disabled', 'tools/1/disabled']))
  book.wrote(change())
  book.received(message('tool_updated', 'tools/1'))
  book.received(message('tool_updated', 'tools/9'))
  t.equal(book.open, 1)
  t.match(book.totals(), {
    missing: ['tool_disabled on tools/1/disabled'],
    surplus: ['tool_updated on nemo/tools/9'],
    messages: 1,
  })
})

t.test('the right event on the wrong topic is both missing and not expected', async (t) => {
  const { book } = ledger()
  book.wrote(change(['tool_usage_start', 'tools/1/start']))
  book.received(message('tool_usage_start', 'tools/1/end'))
  t.equal(book.totals().missing.length, 1)
  t.equal(book.totals().surplus.length, 1)
})

t.test('overtaking counts within one tool and not between two', async (t) => {
  const { book } = ledger()
  book.wrote(change(['tool_usage_start', 'tools/1/start']))
  book.wrote(change(['tool_usage_start', 'tools/2/start']))
  book.wrote(change(['tool_usage_end', 'tools/1/end']))
  book.received(message('tool_usage_start', 'tools/2/start'))
  t.strictSame(book.totals().overtakers, [])
  book.received(message('tool_usage_end', 'tools/1/end'))
  book.received(message('tool_usage_start', 'tools/1/start'))
  t.strictSame(book.totals().overtakers, ['tool_usage_end on nemo/tools/1/end'])
})

t.test('a repeat has the same event id and is no second message; a wrong signature counts', async (t) => {
  const { book } = ledger()
  const first = message('tool_updated', 'tools/1')
  book.wrote(change(['tool_updated', 'tools/1']))
  book.received(first)
  book.received({ ...first, dup: true })
  t.match(book.totals(), { messages: 1, repeats: 1, surplus: [] })
  book.received(message('', 'bridge/state', { payload: 'online', fault: 'not an envelope' }))
  t.match(book.totals(), { messages: 1, surplus: [], signatureFaults: 1 })
})
