import t from 'tap'
import { CHOICE_DEFAULTS, type ChoiceSettings } from '../../src/choose/choice-settings.ts'
import { type PreviewedMessage, previewOf } from '../../src/choose/preview.ts'
import { sampleMessages } from '../../src/choose/samples.ts'
import { publishedEvent } from '../../src/choose/standard-event.ts'
import { mapChange, payloadOf } from '../../src/map/index.ts'
import { goldenLookup, goldenTables, readGolden } from '../map/golden.ts'

/** Every event there is, as mapped from what real NEMO wrote, and as it was published. */
const PUBLISHED = goldenTables()
  .flatMap(readGolden)
  .flatMap((golden) => mapChange(golden.change, goldenLookup(golden)))
  .map((event, n) => ({ event, payload: payloadOf(event.body, `lab-${n}-1`) }))

function preview(settings: Partial<ChoiceSettings>, payloads: string[], categories?: Map<string, string | null>) {
  const recent = payloads.map((payload) => ({ topic: 'some/where', payload }))
  return previewOf({ ...CHOICE_DEFAULTS, ...settings }, recent, categories)
}

/** The payload of a sample, and what it would be. */
function sampleOf(event: string, settings: Partial<ChoiceSettings>): Record<string, unknown> {
  const samples = sampleMessages().filter(({ payload }) => payload.includes(`"event":"${event}"`))
  const [message] = preview(
    settings,
    samples.map(({ payload }) => payload),
  ).messages
  return JSON.parse(message?.payload ?? 'null') as Record<string, unknown>
}

t.test('with the standard settings, and personal events, every event there is comes out as it went in', async (t) => {
  t.ok(PUBLISHED.length > 100)
  for (const { event, payload } of PUBLISHED) {
    const read = publishedEvent(payload)
    t.strictSame([read?.topic, read?.entity], [event.topic, event.entity])
    const [message] = preview({ personal_events: '*' }, [payload]).messages
    t.strictSame(message, {
      event: event.body.event,
      isSent: true,
      why: null,
      topic: `nemo/${event.topic}`,
      payload,
      doubt: null,
    } satisfies PreviewedMessage)
  }
})

t.test('a message is shown as it would be, or by which rule it is left out', async (t) => {
  const payloads = sampleMessages().map(({ payload }) => payload)
  const { messages, problems } = preview(
    { event_filter: '*, !task_*', area_filter: '!Clean*', topic_template: '{prefix}/{name}/{event}' },
    payloads,
  )
  t.strictSame(problems, [])
  t.strictSame(
    messages.map(({ event, why, topic }) => [event, why ?? topic]),
    [
      ['tool_updated', 'nemo/Mask aligner/tool_updated'],
      ['tool_disabled', 'nemo/Mask aligner/tool_disabled'],
      ['tool_usage_start', 'nemo/Mask aligner/tool_usage_start'],
      ['task_created', 'left out by event_filter: !task_*'],
      ['area_updated', 'left out by area_filter: !Clean*'],
      ['reservation_created', 'nemo/Mask aligner/reservation_created'],
      ['area_access', 'left out by area_filter: !Clean*'],
    ],
  )
})

t.test('problems of the settings are told, and the rest is still shown', async (t) => {
  const { problems, messages } = preview({ event_filter: 'tool_enable', tool_filter: '!5' }, [
    sampleMessages()[0]?.payload ?? '',
  ])
  t.match(problems, [{ name: 'event_filter', problem: /do you mean tool_enabled/ }])
  t.equal(messages[0]?.why, 'left out by tool_filter: !5')
})

t.test('people as the settings want them, as far as the message has their names', async (t) => {
  t.match(sampleOf('tool_usage_start', { user_name_format: 'first_last_username' }), {
    user_name: 'Ada Lovelace (ada)',
    operator_name: 'Ada Lovelace (ada)',
    username: 'ada',
  })
  t.match(sampleOf('tool_usage_start', { user_name_format: 'initials' }), {
    user_name: 'A. L.',
    operator_name: 'A. L.',
    username: null,
    last_name: null,
    user_id: 7,
  })
  t.match(sampleOf('area_access', { user_name_format: 'none' }), { user_name: null, first_name: null, user_id: 7 })
  t.match(sampleOf('tool_usage_start', { privacy: true }), {
    user_id: null,
    user_name: null,
    operator_id: null,
    operator_name: null,
    project_id: 3,
    project_name: null,
    tool_name: 'Mask aligner',
  })
  t.match(sampleOf('task_created', { privacy: true }), { title: null, problem_description: null, urgency: 0 })
  t.match(sampleOf('reservation_created', { privacy: true }), { title: null, username: null })
})

t.test('an operator who is not the user: only one text is known of them', async (t) => {
  const [, , usage] = sampleMessages()
  const payload = (usage?.payload ?? '')
    .replace('"operator_id":7', '"operator_id":8')
    .replace('"operator_name":"Ada Lovelace"', '"operator_name":"Noor van den Berg"')
  const operator = (user_name_format: ChoiceSettings['user_name_format']) =>
    (JSON.parse(preview({ user_name_format }, [payload]).messages[0]?.payload ?? '') as { operator_name: string })
      .operator_name
  t.equal(operator('first_last'), 'Noor van den Berg')
  t.equal(operator('initials'), 'N. B.')
  t.equal(operator('none'), null)
})

t.test('a category that is not known is a doubt, and one that a message tells is known', async (t) => {
  const [tool, , usage] = sampleMessages().map(({ payload }) => payload)
  const settings = { category_filter: 'Litho*' }
  const [alone] = preview(settings, [usage ?? '']).messages
  t.match(alone, { isSent: false, doubt: /category of tool 5 is not known here/ })
  t.match(preview(settings, [usage ?? '', tool ?? '']).messages, [
    { isSent: true, doubt: null },
    { isSent: true, doubt: null },
  ])
  t.match(preview(settings, [usage ?? ''], new Map([['5', 'Etching']])).messages, [{ isSent: false, doubt: null }])
})

t.test('what is no event of ours is sent as it is, and ids keep their digits', async (t) => {
  for (const payload of [
    'hello',
    '[1]',
    '{"event":"weather","event_id":"x"}',
    '{"event":"tool_enabled","tool_id":5}',
  ]) {
    t.match(preview({ event_filter: 'area_*', privacy: true }, [payload]).messages, [
      { event: null, isSent: true, topic: 'some/where', payload },
    ])
  }
  const { payload = '' } = sampleMessages()[1] ?? {}
  const large = payload.replace('"tool_id":5', '"tool_id":9223372036854775807')
  t.strictSame(preview({}, [large]).messages, [
    {
      event: 'tool_disabled',
      isSent: true,
      why: null,
      topic: 'nemo/tools/9223372036854775807/disabled',
      payload: large,
      doubt: null,
    },
  ])
})
