import { execFileSync } from 'node:child_process'
import t from 'tap'
import { inPluginWords } from '../../src/dialect/plugin.ts'
import { pythonJson } from '../../src/dialect/python-json.ts'
import { mapChange } from '../../src/map/index.ts'
import { goldenLookup, goldenTables, readGolden } from '../map/golden.ts'

// Fields in their order, by event: facts of the plugin, read off recordings of it.
const FIELDS: Readonly<Record<string, string>> = {
  tool_created: 'event tool_id tool_name tool_status timestamp',
  tool_updated: 'event tool_id tool_name tool_status timestamp',
  tool_enabled: 'event tool_id tool_name usage_id user_name start_time',
  tool_disabled: 'event tool_id tool_name usage_id user_name end_time',
  reservation_created: 'event reservation_id user_id user_name start_time end_time timestamp',
  reservation_updated: 'event reservation_id user_id user_name start_time end_time timestamp',
  area_created: 'event area_id area_name area_requires_reservation timestamp',
  area_updated: 'event area_id area_name area_requires_reservation timestamp',
  area_access: 'event access_id user_id user_name area_id area_name access_time timestamp',
}

t.test('whatever changes, the plugin’s words have its fields in its order', async (t) => {
  const seen = new Set<string>()
  for (const golden of goldenTables().flatMap(readGolden)) {
    let texts: ReturnType<typeof inPluginWords>['texts']
    try {
      texts = inPluginWords(mapChange(golden.change, goldenLookup(golden))).texts
    } catch {
      continue // a change that cannot be mapped at all: other tests look at those
    }
    t.equal(new Set(texts.map(({ topic }) => topic)).size, texts.length, `${golden.file}: once a topic`)
    for (const { event, payload } of texts) {
      seen.add(event)
      t.strictSame(Object.keys(JSON.parse(payload) as object), FIELDS[event]?.split(' '), golden.file)
    }
  }
  t.strictSame([...seen].sort(), Object.keys(FIELDS).sort(), 'every event was seen')
})

t.test('texts are those of Python’s json.dumps, byte for byte', async (t) => {
  const odd = [
    'SEM \'Merlin\' ☃ "quoted" a/b',
    'é\u2028\u0000\u001f\u007f\u0080',
    '😀 </script>',
    '\\u2603',
    '\n\r\t\b\f',
  ]
  const fields = { event: 'tool_updated', tool_id: 12, ok: true, no: false, nothing: null }
  for (const text of odd) {
    const ours = pythonJson({ ...fields, [text]: text })
    const script = 'import json,sys; print(json.dumps(json.loads(sys.argv[1])))'
    t.equal(
      `${ours}\n`,
      execFileSync('python3', ['-c', script, JSON.stringify({ ...fields, [text]: text })], { encoding: 'utf8' }),
    )
  }
  t.equal(pythonJson({ id: 9_007_199_254_740_993n }), '{"id": 9007199254740993}')
})
