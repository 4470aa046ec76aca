import { t } from '../texts';
import { Icon, type IconName } from './Icon';
import type { Verdict } from './VerdictBadge';
import './big-verdict.css';

const SIGNS: Readonly<Record<Verdict, IconName>> = {
  ok: 'tick',
  ng: 'close',
  review: 'help',
  invalid: 'lost',
};

/** A verdict that is read from afar: sign, word and colour. */
export function BigVerdict({ verdict }: { readonly verdict: Verdict }) {
  return (
    <p className={`big-verdict big-verdict-${verdict}`}>
      <Icon name={SIGNS[verdict]} />
      {t.common.verdicts[verdict]}
    </p>
  );
}
