import { useQuery } from '@tanstack/react-query'
import { Download } from 'lucide-react'
import { href } from '@/api/client'
import { useSlug } from '@/api/context'
import { kubeconfigPath, kubeconfigQuery } from '@/api/queries'
import type { Cluster } from '@/api/types'
import { Loaded } from '@/components/Loaded'
import { Panel } from '@/components/Page'
import { buttonClass } from '@/ui/Button'
import { Command } from '@/ui/Code'
import { Copy } from '@/ui/Copy'
import { Yaml } from '@/ui/Yaml'

/** kubectl through the same tunnel, under the same rules and into the same audit log. */
export function Kubeconfig({ cluster: c }: { cluster: Cluster }) {
  const slug = useSlug()
  const q = useQuery(kubeconfigQuery(slug, c.id))
  const file = `${c.name}.kubeconfig`
  return (
    <div className="flex flex-col gap-4">
      <Panel title="With the kubechat command" lead="Signs you in, writes the file, and renews the login when kubectl needs it.">
        <Command text={`kubechat login ${location.origin}\nkubechat kubeconfig --tenant ${slug} ${c.name} > ${file}\nkubectl --kubeconfig ${file} get pods -A`} label="Copy the commands" />
      </Panel>
      <Panel
        title="The file"
        lead="It holds no secret: kubectl asks the kubechat command for a login each time."
        flush
        actions={
          <span className="flex gap-1">
            {q.data !== undefined && <Copy text={q.data} label="Copy the kubeconfig" withText="Copy" />}
            <a href={href(kubeconfigPath(slug, c.id))} download={file} className={buttonClass('plain', 'sm')}>
              <Download aria-hidden className="size-4" />
              Download
            </a>
          </span>
        }
      >
        <Loaded query={q} label="Loading the kubeconfig" rows={4}>
          {(text) => <Yaml text={text} label="The kubeconfig" />}
        </Loaded>
      </Panel>
      <p className="max-w-2xl text-sm text-ink-2">
        Typing a command is its approval: what kubectl sends is checked against your role, your group here{c.group ? ` (${c.group})` : ''} and the cluster’s own rules, and recorded like everything else.
      </p>
    </div>
  )
}
