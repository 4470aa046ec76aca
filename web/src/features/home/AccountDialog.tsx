/** One's own password. */

import { type FormEvent, useId, useState } from 'react';
import { Button } from '../../components/Button';
import { Dialog } from '../../components/Dialog';
import { PasswordField } from '../../components/PasswordField';
import { Problem } from '../../components/Problem';
import { useNotify } from '../../components/Toasts';
import { useChangePassword } from '../../data/session';
import { t } from '../../texts';

type AccountDialogProps = { readonly name: string; readonly onClose: () => void };

export function AccountDialog({ name, onClose }: AccountDialogProps) {
  const [old, setOld] = useState('');
  const [next, setNext] = useState('');
  const [again, setAgain] = useState('');
  const change = useChangePassword();
  const notify = useNotify();
  const id = useId();
  const differ = again !== '' && next !== again;
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    const isDone = await change.mutateAsync({ old, new: next }).then(
      () => true,
      () => false, // the dialog shows the error
    );
    if (!isDone) return;
    notify(t.session.changed, 'good');
    onClose();
  };
  return (
    <Dialog
      title={t.session.accountOf(name)}
      onClose={onClose}
      actions={
        <>
          <Button onClick={onClose}>{t.common.cancel}</Button>
          <Button
            type="submit"
            form={id}
            look="primary"
            disabled={change.isPending || !old || !next || next !== again}
          >
            {t.session.change}
          </Button>
        </>
      }
    >
      <form id={id} className="account" onSubmit={submit}>
        <h3>{t.session.passwordTitle}</h3>
        <p className="field-hint">{t.session.passwordAbout}</p>
        <PasswordField label={t.session.oldPassword} value={old} onChange={setOld} />
        <PasswordField isNew label={t.session.newPassword} value={next} onChange={setNext} />
        <PasswordField
          isNew
          label={t.session.again}
          error={differ ? t.session.differ : null}
          value={again}
          onChange={setAgain}
        />
        {change.error && <Problem error={change.error} />}
      </form>
    </Dialog>
  );
}
