import { useQuery } from '@tanstack/react-query'
import { Link, useNavigate, useSearch } from '@tanstack/react-router'
import { ArrowRight } from 'lucide-react'
import { sessionQuery } from '@/api/queries'
import { PageTitle } from '@/components/Page'
import { roleWord } from '@/components/ClusterState'
import { ThemeMenu } from '@/components/Sidebar'
import { TokenForm } from '@/forms/TokenForm'
import { Mark } from '@/ui/bits'
import { Soundings } from '@/ui/Soundings'

export function SignIn() {
  const { next } = useSearch({ from: '/sign-in' })
  const navigate = useNavigate()
  const { data } = useQuery(sessionQuery)
  const done = async (slugs: string[]) => {
    const wanted = next?.split('/')[2]
    if (next && wanted && slugs.includes(wanted)) await navigate({ href: next })
    else await navigate({ to: '/' })
  }
  return (
    <div className="flex min-h-dvh">
      <aside aria-label="What KubeChat is" className="relative hidden w-[46%] max-w-[46rem] flex-col justify-between overflow-hidden bg-deep p-10 text-deep-ink lg:flex">
        <Soundings className="absolute inset-0 size-full [mask-image:linear-gradient(to_bottom,black_50%,transparent_86%)]" />
        <p className="relative flex items-center gap-3 text-lg font-semibold">
          <Mark className="size-8" />
          KubeChat
        </p>
        <div className="relative max-w-md">
          <p className="text-2xl font-semibold text-balance">Ask your clusters. See the exact command. Decide.</p>
          <p className="mt-3 text-md text-deep-ink-2 text-pretty">
            Every question becomes a typed plan, checked against the cluster’s own permissions and tried without changing anything. What changes something waits for you, and is on record
            before it is sent.
          </p>
        </div>
      </aside>
      <main className="flex flex-1 flex-col px-5 py-8">
        <div className="flex justify-end">
          <ThemeMenu className="text-ink-2 hover:bg-sea-soft hover:text-ink" />
        </div>
        <div className="mx-auto flex w-full max-w-sm flex-1 flex-col justify-center pb-16">
          <p className="mb-8 flex items-center gap-2.5 text-lg font-semibold lg:hidden">
            <span className="[--mark-k:var(--paper)]">
              <Mark className="size-8 text-sea" />
            </span>
            KubeChat
          </p>
          <PageTitle title="Sign in" className="text-2xl font-semibold" />
          <p className="mt-1.5 mb-6 text-ink-2">{next ? 'The page you asked for needs a login.' : 'With an API token of your organisation.'}</p>
          <TokenForm onDone={done} />
          {data && data.logins.length > 0 && (
            <section aria-labelledby="already" className="mt-8">
              <h2 id="already" className="label-caps mb-2 text-ink-3">
                Signed in already
              </h2>
              <ul className="overflow-hidden rounded-md border border-line bg-surface">
                {data.logins.map((l) => (
                  <li key={l.tenant.id} className="border-line not-first:border-t">
                    <Link to="/t/$tenant" params={{ tenant: l.tenant.slug }} className="flex items-center gap-3 px-3 py-2 hover:bg-sea-soft focus-visible:-outline-offset-2">
                      <span className="min-w-0 flex-1">
                        <span className="block truncate font-medium">{l.tenant.name}</span>
                        <span className="block truncate text-sm text-ink-3">
                          {l.member.email} · {roleWord[l.role]}
                        </span>
                      </span>
                      <ArrowRight aria-hidden className="size-4 text-ink-3" />
                    </Link>
                  </li>
                ))}
              </ul>
            </section>
          )}
          <div className="mt-8 border-t border-line pt-5 text-sm text-ink-2">
            <p>
              <strong className="font-semibold text-ink">Running the demo?</strong> Open the one-time link that <code>make demo</code> printed. Used it already? Run <code>make demo</code> again for
              a new one.
            </p>
            <p className="mt-2.5">
              <strong className="font-semibold text-ink">No token?</strong> Another member makes one under API tokens, or an admin of your organisation gives you one.
            </p>
          </div>
        </div>
      </main>
    </div>
  )
}
