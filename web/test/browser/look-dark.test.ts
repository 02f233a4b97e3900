import { look } from './look'

look('dark')
