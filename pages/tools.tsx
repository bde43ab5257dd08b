import { show } from './frame/frame.tsx'
import { Board } from './tools/board.tsx'
import { isKiosk, theme } from './tools/display.ts'
import { Wall } from './tools/wall.tsx'

const { dataset } = document.documentElement
if (isKiosk) dataset.kiosk = ''
if (theme !== null) dataset.theme = theme // after the frame, which has set the one that this browser remembers
show(isKiosk ? <Wall /> : <Board />)
