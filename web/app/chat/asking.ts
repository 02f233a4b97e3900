import { createContext, useContext } from 'react'

/** What a block of an answer can do with a text: ask it at once, or put it into the box to be finished there. */
export interface Asking {
  ask: (text: string) => void
  fill: (text: string) => void
  /** The newest run that changed something: only its change is what "undo that" takes back. */
  undoable: string | undefined
}

export const AskingContext = createContext<Asking>({ ask: () => {}, fill: () => {}, undoable: undefined })

export const useAsking = (): Asking => useContext(AskingContext)
