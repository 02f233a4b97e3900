import { createRouter } from '@tanstack/react-router'
import { ProblemPage } from './components/Problem'
import { routeTree } from './routes/tree'
import { NotFound } from './pages/NotFound'

export const router = createRouter({
  routeTree,
  defaultPreload: 'intent',
  defaultPreloadStaleTime: 0, // the query cache decides what is stale
  scrollRestoration: true,
  defaultErrorComponent: ({ error, reset }) => <ProblemPage error={error} retry={reset} />,
  defaultNotFoundComponent: NotFound,
})

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router
  }
}
