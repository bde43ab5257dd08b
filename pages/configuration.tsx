import { show } from './frame/frame.tsx'

show(<h1>configuration</h1>)
