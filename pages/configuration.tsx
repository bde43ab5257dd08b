import { ConfigurationPage } from './configuration/page.tsx'
import { show } from './frame/frame.tsx'

show(<ConfigurationPage />)
