import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import { useSlug } from '@/api/context'
import { renameConversation } from '@/api/mutations'
import { ProblemNote } from '@/components/Problem'
import { Button } from '@/ui/Button'
import { DialogBody, DialogFoot } from '@/ui/Dialog'
import { Field, Input } from '@/ui/Field'

/** Gives a conversation another name than its first question. */
export function RenameForm({ id, title, onDone }: { id: string; title: string; onDone: () => void }) {
  const slug = useSlug()
  const [name, setName] = useState(title)
  const m = useMutation({ mutationFn: () => renameConversation(slug, id, name.trim()), onSuccess: onDone })
  return (
    <form
      onSubmit={(e) => {
        e.preventDefault()
        if (name.trim() && !m.isPending) m.mutate()
      }}
    >
      <DialogBody className="flex flex-col gap-4">
        <Field label="Name">{(a) => <Input {...a} value={name} onChange={(e) => setName(e.target.value)} maxLength={200} autoComplete="off" />}</Field>
        {m.error && <ProblemNote error={m.error} />}
      </DialogBody>
      <DialogFoot>
        <Button onClick={onDone}>Cancel</Button>
        <Button type="submit" look="primary" busy={m.isPending} disabledReason={name.trim() ? undefined : 'Write a name first.'}>
          Rename
        </Button>
      </DialogFoot>
    </form>
  )
}
