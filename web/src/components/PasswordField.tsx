import { useId } from 'react';

type PasswordFieldProps = {
  readonly label: string;
  readonly value: string;
  readonly onChange: (value: string) => void;
  /** A new one, which a password manager may make. */
  readonly isNew?: boolean;
  readonly hint?: string;
  readonly error?: string | null;
};

export function PasswordField(props: PasswordFieldProps) {
  const { label, value, onChange, isNew, hint, error } = props;
  const id = useId();
  const note = error || hint;
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <input
        id={id}
        type="password"
        autoComplete={isNew ? 'new-password' : 'current-password'}
        maxLength={256}
        value={value}
        aria-invalid={error ? true : undefined}
        aria-describedby={note ? `${id}-note` : undefined}
        onChange={(event) => onChange(event.target.value)}
      />
      {note && (
        <p id={`${id}-note`} className={error ? 'field-error' : 'field-hint'}>
          {note}
        </p>
      )}
    </div>
  );
}
