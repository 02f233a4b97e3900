import { useQuery } from '@tanstack/react-query'
import { Box, ChevronDown, CornerDownRight, PencilLine, Ship, Shuffle, SquareDashed } from 'lucide-react'
import type { ReactNode } from 'react'
import { useSlug } from '@/api/context'
import { clustersQuery } from '@/api/queries'
import type { ScopeChoice, ScopeData } from '@/api/types'
import { Menu, MenuItem, MenuLabel, MenuLine } from '@/ui/Menu'
import { isUp } from '@/util/cluster'
import { plainText } from '@/util/format'
import { useAsking } from './asking'
import { aboutRef, parseRef } from './followups'

/** What the answer is about: pressing a part of it offers the same for another one. */
export function ScopeChips({ scope }: { scope: ScopeData }) {
  const slug = useSlug()
  const all = useQuery(clustersQuery(slug)).data ?? []
  const names = scope.clusters.map((c) => c.name)
  // Choices are other places for the question, named by their cluster, and other readings of it.
  const isPlace = (c: ScopeChoice) => c.label === 'all clusters' || all.some((x) => x.name === c.label)
  const places = (scope.choices ?? []).filter(isPlace)
  const others = (scope.choices ?? []).filter((c) => !isPlace(c))
  const elsewhere = all.filter((c) => isUp(c.state) && !names.includes(c.name))
  const made: ScopeChoice[] = elsewhere.slice(0, 8).map((c) => ({ label: c.name, text: `and in cluster ${c.name}?` }))
  if (elsewhere.length > 0) made.push({ label: 'all clusters', text: 'and in all clusters?' })
  const clusters = places.length > 0 ? places : made
  const objects = scope.objects ?? []
  return (
    <ul aria-label="What this is about" className="mb-2.5 flex flex-wrap items-center gap-1.5">
      <Chip icon={<Ship aria-hidden className="size-3.5" />} kind={names.length > 1 ? 'clusters' : 'cluster'} value={listed(names)} choices={clusters} start="and in cluster " />
      {(scope.namespace || scope.allNamespaces) && (
        <Chip
          icon={<SquareDashed aria-hidden className="size-3.5" />}
          kind="namespace"
          value={scope.allNamespaces ? 'all namespaces' : (scope.namespace ?? '')}
          choices={scope.allNamespaces ? [] : [{ label: 'All namespaces', text: 'and in all namespaces?' }]}
          start="and in "
        />
      )}
      {objects.length > 0 && (
        <Chip icon={<Box aria-hidden className="size-3.5" />} kind={objects.length > 1 ? 'objects' : 'object'} value={listed(objects)} choices={objects.length === 1 ? about(objects[0] ?? '', scope.namespace) : []} start="and for " />
      )}
      {others.length > 0 && <Readings choices={others} />}
    </ul>
  )
}

/** Other things that the words may have meant. */
function Readings({ choices }: { choices: ScopeChoice[] }) {
  const { ask } = useAsking()
  return (
    <li>
      <Menu
        trigger={
          <button type="button" className="inline-flex h-6 items-center gap-1.5 rounded-full px-2 text-sm text-ink-2 hover:bg-sea-soft hover:text-sea-ink data-[state=open]:bg-sea-soft">
            <Shuffle aria-hidden className="size-3.5" />
            Meant something else?
          </button>
        }
      >
        <MenuLabel>It could also have meant</MenuLabel>
        {choices.slice(0, 10).map((c) => (
          <MenuItem key={c.text} icon={<CornerDownRight aria-hidden className="size-4 text-sea" />} onSelect={() => ask(c.text)}>
            <span className="untrusted">{plainText(c.label)}</span>
          </MenuItem>
        ))}
      </Menu>
    </li>
  )
}

const about = (object: string, namespace = ''): ScopeChoice[] => {
  const r = parseRef(object)
  return r ? aboutRef({ ...r, namespace: r.namespace || namespace }) : []
}

/** "a", "a and b", "a, b and 3 more" */
function listed(names: readonly string[]): string {
  const plain = names.map(plainText)
  if (plain.length <= 2) return plain.join(' and ')
  return `${plain.slice(0, 2).join(', ')} and ${plain.length - 2} more`
}

function Chip({ icon, kind, value, choices, start }: { icon: ReactNode; kind: string; value: string; choices: ScopeChoice[]; start: string }) {
  const { ask, fill } = useAsking()
  return (
    <li className="min-w-0">
      <Menu
        trigger={
          <button
            type="button"
            className="inline-flex h-6 max-w-full items-center gap-1.5 rounded-full border border-line-2 bg-surface pr-1.5 pl-2 text-sm text-ink-2 hover:border-sea-line hover:text-sea-ink data-[state=open]:border-sea data-[state=open]:bg-sea-soft"
          >
            {icon}
            <span className="sr-only">{kind}</span>
            <span className="truncate font-medium text-ink untrusted">{value}</span>
            <ChevronDown aria-hidden className="size-3.5 shrink-0 text-ink-3" />
            <span className="sr-only">, ask the same for another one</span>
          </button>
        }
      >
        <MenuLabel>{kind.startsWith('object') ? 'Ask about it' : 'Ask the same for'}</MenuLabel>
        {choices.slice(0, 10).map((c) => (
          <MenuItem key={c.text} icon={<CornerDownRight aria-hidden className="size-4 text-sea" />} onSelect={() => ask(c.text)}>
            <span className="untrusted">{plainText(c.label)}</span>
          </MenuItem>
        ))}
        {choices.length > 0 && <MenuLine />}
        <MenuItem icon={<PencilLine aria-hidden className="size-4 text-ink-3" />} onSelect={() => fill(start)}>
          Another one…
        </MenuItem>
      </Menu>
    </li>
  )
}
