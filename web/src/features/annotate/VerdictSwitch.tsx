import type { Label } from '../../core/sidecar';
import { t } from '../../texts';

type VerdictSwitchProps = {
  /** What is judged. */
  readonly of: string;
  readonly value: Label | null;
  readonly onChange: (verdict: Label | null) => void;
  readonly isSmall?: boolean;
};

/** OK or NG; pressing the one that holds takes it back. */
export function VerdictSwitch({ of, value, onChange, isSmall = false }: VerdictSwitchProps) {
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset would need a visible legend
    <div
      className={isSmall ? 'verdict-switch is-small' : 'verdict-switch'}
      role="group"
      aria-label={of}
    >
      {(['ok', 'ng'] as const).map((verdict) => (
        <button
          key={verdict}
          type="button"
          className={`judge-${verdict}`}
          aria-pressed={value === verdict}
          title={`${of}: ${t.annotate.judge[verdict]} (${t.annotate.judgeKeys[verdict]})`}
          onClick={() => onChange(value === verdict ? null : verdict)}
        >
          {t.annotate.judge[verdict]}
        </button>
      ))}
    </div>
  );
}
