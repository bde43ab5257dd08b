import type { Queryable } from './database.ts'

/** Where one of our switches is set to off. */
export interface SettingPlace {
  /** For whom: "in this database", "for role …". */
  readonly place: string
  /** SQL, or words, that end it. */
  readonly reset: string
}

interface StoredSetting {
  readonly role: string | null
  readonly database: string | null
}

/**
 * Where a switch of the trigger function is off for more than one session: with the database, with a role, or in the
 * server's own configuration, which shows only as the value that a new session has.
 */
export async function settingPlaces(client: Queryable, name: string): Promise<SettingPlace[]> {
  const stored = await client.query<StoredSetting>(
    `select quote_ident(r.rolname) as role, quote_ident(d.datname) as database
       from pg_db_role_setting s
       left join pg_roles r on r.oid = s.setrole left join pg_database d on d.oid = s.setdatabase
      where (s.setdatabase = 0 or d.datname = current_database()) and $1 = any (s.setconfig) order by 1, 2`,
    [`${name}=off`],
  )
  const places = stored.rows.map((row) => placeOf(row, name))
  const shown = await client.query<{ isOff: boolean }>(`select current_setting($1, true) = 'off' as "isOff"`, [name])
  if (places.length === 0 && shown.rows[0]?.isOff === true) {
    places.push({
      place: 'in the configuration of the server',
      reset: `remove ${name} from postgresql.conf and reload`,
    })
  }
  return places
}

function placeOf({ role, database }: StoredSetting, name: string): SettingPlace {
  if (role === null) return { place: 'in this database', reset: `alter database ${database} reset ${name}` }
  if (database === null) return { place: `for role ${role}`, reset: `alter role ${role} reset ${name}` }
  return {
    place: `for role ${role} in this database`,
    reset: `alter role ${role} in database ${database} reset ${name}`,
  }
}
