import { show } from './frame/frame.tsx'

show(<h1>tools</h1>)
