/** A new person, and a new password for one. */

import { type FormEvent, type ReactNode, useId, useState } from 'react';
import type { UserOut } from '../../api/schema';
import { Button } from '../../components/Button';
import { Dialog } from '../../components/Dialog';
import { ChoiceField } from '../../components/Field';
import { Problem } from '../../components/Problem';
import { useNotify } from '../../components/Toasts';
import { useChangeUser, useCreateUser } from '../../data/people';
import { ROLES, type Role } from '../../data/session';
import { t } from '../../texts';
import { makePassword } from './password';

const texts = t.administration.users;

type FormDialogProps = {
  readonly title: string;
  readonly action: string;
  readonly isReady: boolean;
  readonly error: unknown;
  readonly onClose: () => void;
  /** True closes the dialog. */
  readonly onSubmit: () => Promise<boolean>;
  readonly children: ReactNode;
};

function FormDialog(props: FormDialogProps) {
  const id = useId();
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (await props.onSubmit()) props.onClose();
  };
  return (
    <Dialog
      title={props.title}
      onClose={props.onClose}
      actions={
        <>
          <Button onClick={props.onClose}>{t.common.cancel}</Button>
          <Button type="submit" form={id} look="primary" disabled={!props.isReady}>
            {props.action}
          </Button>
        </>
      }
    >
      <form id={id} className="form-stack" onSubmit={submit}>
        {props.children}
        {props.error ? <Problem error={props.error} /> : null}
      </form>
    </Dialog>
  );
}

export function NewUser({ onClose }: { readonly onClose: () => void }) {
  const [name, setName] = useState('');
  const [role, setRole] = useState<Role>('operator');
  const [password, setPassword] = useState('');
  const create = useCreateUser();
  const notify = useNotify();
  const id = useId();
  const submit = () =>
    create.mutateAsync({ name, role, password }).then(
      () => {
        notify(texts.created(name.trim()), 'good');
        return true;
      },
      () => false, // the dialog shows the error
    );
  return (
    <FormDialog
      title={texts.add}
      action={texts.create}
      isReady={!create.isPending && name.trim() !== '' && password !== ''}
      error={create.error}
      onClose={onClose}
      onSubmit={submit}
    >
      <div className="field">
        <label htmlFor={id}>{texts.name}</label>
        <input
          id={id}
          autoComplete="off"
          maxLength={80}
          value={name}
          onChange={(event) => setName(event.target.value)}
        />
      </div>
      <ChoiceField
        label={texts.role}
        hint={texts.roleHints[role]}
        value={role}
        options={ROLES}
        names={t.session.roles}
        onChange={setRole}
      />
      <PasswordToHandOver label={texts.password} value={password} onChange={setPassword} />
    </FormDialog>
  );
}

type NewPasswordProps = { readonly user: UserOut; readonly onClose: () => void };

export function NewPassword({ user, onClose }: NewPasswordProps) {
  const [password, setPassword] = useState('');
  const change = useChangeUser();
  const notify = useNotify();
  const submit = () =>
    change.mutateAsync({ id: user.id, password }).then(
      () => {
        notify(texts.changed(user.name), 'good');
        return true;
      },
      () => false, // the dialog shows the error
    );
  return (
    <FormDialog
      title={texts.newPasswordOf(user.name)}
      action={t.common.save}
      isReady={!change.isPending && password !== ''}
      error={change.error}
      onClose={onClose}
      onSubmit={submit}
    >
      <p>{texts.newPasswordAbout}</p>
      <PasswordToHandOver label={texts.newPassword} value={password} onChange={setPassword} />
    </FormDialog>
  );
}

type HandOverProps = {
  readonly label: string;
  readonly value: string;
  readonly onChange: (value: string) => void;
};

/** Shown in clear, because it has to be told to somebody. */
function PasswordToHandOver({ label, value, onChange }: HandOverProps) {
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <div className="with-button">
        <input
          id={id}
          className="mono"
          autoComplete="off"
          spellCheck={false}
          maxLength={256}
          value={value}
          aria-describedby={`${id}-note`}
          onChange={(event) => onChange(event.target.value)}
        />
        <Button onClick={() => onChange(makePassword())}>{texts.make}</Button>
      </div>
      <p id={`${id}-note`} className="field-hint">
        {texts.passwordHint}
      </p>
    </div>
  );
}
