import { show } from './frame/frame.tsx'

show(<h1>monitor</h1>)
