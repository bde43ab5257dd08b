import mqttPacket from 'mqtt-packet'
import t from 'tap'
import { packetBytes, topicProblem } from '../../src/publish/topic.ts'

t.test('topics that would end the connection are refused with a reason', async (t) => {
  const cases: ReadonlyArray<readonly [string, RegExp]> = [
    ['', /is empty/],
    ['nemo/+/x', /wildcard/],
    ['nemo/#', /wildcard/],
    ['C++ #1', /wildcard/],
    ['$SYS/broker', /begins with \$/],
    ['nemo/\u0000', /control character/],
    ['nemo/\n', /control character/],
    ['nemo/\u007f', /control character/],
    ['nemo/\u009f', /control character/],
    ['nemo/\ud83d', /not valid Unicode/],
    ['nemo/\uffff', /no character/],
    ['nemo/\ufdd0', /no character/],
    ['nemo/\u{1fffe}', /no character/],
    ['x'.repeat(65_536), /longer than 65535 bytes/],
    ['é'.repeat(32_768), /longer than 65535 bytes/],
  ]
  for (const [topic, problem] of cases) t.match(topicProblem(topic), problem, JSON.stringify(topic.slice(0, 20)))
})

t.test('everything else may be published', async (t) => {
  for (const topic of [
    'nemo/tools/5',
    '/',
    'a//b',
    ' ',
    'nemo/Ångström 😀',
    'nemo/$x',
    'x'.repeat(65_535),
    '*',
    '\u2028',
    '\ufffd\ufeff\ue000',
  ]) {
    t.equal(topicProblem(topic), undefined, `of ${topic.length} characters`)
  }
})

t.test('the size of a packet is what goes over the wire', async (t) => {
  for (const length of [0, 1, 100, 120, 121, 122, 127, 128, 16_000, 16_370, 16_384, 2_097_152, 3_000_000]) {
    for (const topic of ['a', 'nemo/tools/ä😀']) {
      const payload = 'é'.repeat(length)
      const packet = { cmd: 'publish', topic, payload, qos: 1, messageId: 7, dup: false, retain: false } as const
      const wire = mqttPacket.generate(packet, { protocolVersion: 5 })
      t.equal(packetBytes(topic, payload), wire.length, `${topic} ${length}`)
    }
  }
})
