import { conversationQuery, conversationsQuery, queryClient, runQuery } from '@/api/queries'
import type { Run } from '@/api/types'
import { emptyView } from './view'

/** Shows a run that the server just accepted, before anything of it is read: its stream brings the rest. */
export function putRun(t: string, run: Run): void {
  queryClient.setQueryData(runQuery(t, run.id).queryKey, (old) => old ?? emptyView(run))
  queryClient.setQueryData(conversationQuery(t, run.conversationId).queryKey, (old) =>
    old ? { ...old, runs: old.runs.some((r) => r.id === run.id) ? old.runs : [...old.runs, run] } : old,
  )
  void queryClient.invalidateQueries({ queryKey: conversationsQuery(t).queryKey, exact: true })
}
