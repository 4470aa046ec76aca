import { t } from '../texts';

export type Verdict = keyof typeof t.common.verdicts;

/** A verdict by colour, sign and word, so that no one has to tell colours apart. */
export function VerdictBadge({ verdict }: { readonly verdict: Verdict }) {
  return <span className={`verdict verdict-${verdict}`}>{t.common.verdicts[verdict]}</span>;
}
