import { time } from './nemo-writer.ts'
import { type Act, nameOf, somebody } from './scene.ts'

const USER = 'NEMO_user'
const MARK = '-Berg'

/** Somebody marries: later messages carry the new name, and the renaming itself is no event. */
export const renamePerson: Act = async (scene) => {
  const user = await somebody(scene)
  const old = user.last_name ?? ''
  const last_name = old.endsWith(MARK) ? old.slice(0, -MARK.length) : old + MARK
  scene.say(`${nameOf(user)} is called ${user.first_name} ${last_name} from now on`)
  await scene.nemo.save(USER, user, { last_name }, [])
  return true
}

/** Somebody logs in to NEMO's web pages, which writes the time. */
export const logIn: Act = async (scene) => {
  const user = await somebody(scene)
  scene.say(`${nameOf(user)} logs in to NEMO`)
  await scene.nemo.update(USER, user, { last_login: time() }, [])
  return true
}
