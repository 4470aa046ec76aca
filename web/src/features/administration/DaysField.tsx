/** For how many days something is kept; what it means is told while typing. */

import { useId } from 'react';
import { t } from '../../texts';

const texts = t.administration.retention;

type DaysFieldProps = {
  readonly label: string;
  readonly value: string;
  readonly isWrong: boolean;
  readonly onChange: (value: string) => void;
};

export function DaysField({ label, value, isWrong, onChange }: DaysFieldProps) {
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <input
        id={id}
        inputMode="numeric"
        autoComplete="off"
        value={value}
        aria-invalid={isWrong || undefined}
        aria-describedby={`${id}-note`}
        onChange={(event) => onChange(event.target.value)}
      />
      <p id={`${id}-note`} className={isWrong ? 'field-error' : 'field-hint'}>
        {isWrong ? texts.whole : texts.hint}
      </p>
    </div>
  );
}
