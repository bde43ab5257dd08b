const parameters = new URLSearchParams(location.search)
const wanted = parameters.get('theme')

/** `?kiosk`: nothing but the tools, for a screen on the wall. */
export const isKiosk = parameters.has('kiosk')

/** `?theme=dark` or `light`: for a screen that nobody stands at; null leaves it to the browser. */
export const theme = wanted === 'dark' || wanted === 'light' ? wanted : null
