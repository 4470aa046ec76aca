import type { RefObject } from 'react';
import { t } from '../../texts';
import type { Reason } from './queue';

type ReasonFieldProps = {
  readonly reasons: readonly Reason[];
  readonly value: string;
  readonly onChange: (reason: string) => void;
  readonly input: RefObject<HTMLInputElement | null>;
};

/** Frequent reasons by one touch or digit, and free words. */
export function ReasonField({ reasons, value, onChange, input }: ReasonFieldProps) {
  const texts = t.inspect.queue;
  return (
    <div className="reasons">
      <ul aria-label={texts.reasons}>
        {reasons.map((reason, i) => (
          <li key={`${reason.decision}-${reason.text}`}>
            <button
              type="button"
              className={`chip chip-${reason.decision}`}
              aria-pressed={value === reason.text}
              aria-keyshortcuts={String(i + 1)}
              onClick={() => onChange(value === reason.text ? '' : reason.text)}
            >
              <kbd>{i + 1}</kbd>
              {reason.text}
            </button>
          </li>
        ))}
      </ul>
      <input
        ref={input}
        className="reason-text"
        value={value}
        maxLength={400}
        placeholder={texts.reasonHint}
        aria-label={texts.reason}
        autoComplete="off"
        onChange={(event) => onChange(event.target.value)}
        onKeyDown={(event) => {
          if (event.key !== 'Enter' && event.key !== 'Escape') return;
          event.preventDefault();
          event.stopPropagation();
          if (event.key === 'Escape') onChange('');
          event.currentTarget.blur();
        }}
      />
    </div>
  );
}
