import { Link } from '@tanstack/react-router'
import { MapPinOff } from 'lucide-react'
import { PageTitle } from '@/components/Page'
import { Empty } from '@/ui/bits'
import { buttonClass } from '@/ui/Button'

/** No such page, or one of an organisation that this browser is not signed in to: the two look the same on purpose. */
export function NotFound() {
  return (
    <main className="flex min-h-[60vh] items-center">
      <div className="w-full">
        <PageTitle title="Not found" className="sr-only" />
        <Empty
          icon={<MapPinOff aria-hidden className="size-5" />}
          title="There is nothing at this address"
          action={
            <>
              <Link to="/" className={buttonClass('primary')}>
                Go to the start
              </Link>
              <Link to="/sign-in" className={buttonClass()}>
                Sign in to another organisation
              </Link>
            </>
          }
        >
          It was removed, or it belongs to an organisation that this browser is not signed in to.
        </Empty>
      </div>
    </main>
  )
}
