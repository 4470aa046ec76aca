import { t } from '../../texts';

type StatusName = keyof typeof t.train.status;

const LOOK: Record<StatusName, string> = {
  certified: 'badge-enough',
  extrapolated: 'badge-short',
  provisional: 'badge-missed',
  manual: 'badge-short',
};

/** What a threshold rests on, in a word; the sentence on hover. */
export function StatusBadge({ status, words }: { status: string; words: string }) {
  const name = status in LOOK ? (status as StatusName) : 'manual';
  return (
    <span className={`badge ${LOOK[name]}`} title={words}>
      {t.train.status[name]}
    </span>
  );
}
