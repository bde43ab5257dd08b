import { show } from './frame/frame.tsx'
import { Monitor } from './monitor/page.tsx'

show(<Monitor />)
