import { look } from './look'

look('light')
