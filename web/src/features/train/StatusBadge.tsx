import { t } from '../../texts';
import type { StatusName } from './status';

const LOOK: Record<StatusName, string> = {
  certified: 'badge-enough',
  extrapolated: 'badge-short',
  provisional: 'badge-missed',
  manual: 'badge-short',
  moved: 'badge-short',
};

/** What a threshold rests on, in a word; the sentence on hover. */
export function StatusBadge({ status, words }: { status: StatusName; words: string }) {
  return (
    <span className={`badge ${LOOK[status]}`} title={words}>
      {t.train.status[status]}
    </span>
  );
}
