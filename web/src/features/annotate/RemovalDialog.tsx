import { useState } from 'react';
import { Button } from '../../components/Button';
import { Dialog } from '../../components/Dialog';
import { useNotify } from '../../components/Toasts';
import { useDeleteImage } from '../../data/images';
import { useRefresh } from '../../data/projects';
import { errorText, t } from '../../texts';

type RemovalDialogProps = { readonly ids: readonly string[]; readonly onClose: () => void };

export function RemovalDialog({ ids, onClose }: RemovalDialogProps) {
  const notify = useNotify();
  const remove = useDeleteImage();
  const refresh = useRefresh();
  const [isBusy, setIsBusy] = useState(false);
  const texts = t.annotate.removal;
  async function act() {
    setIsBusy(true);
    let gone = 0;
    let held: unknown = null;
    for (const id of ids) {
      try {
        await remove.mutateAsync(id);
        gone++;
      } catch (error) {
        held = error;
      }
    }
    if (gone > 0) notify(texts.done(gone), 'good');
    if (held) notify(texts.held(ids.length - gone, errorText(held)), 'bad');
    await refresh();
    onClose();
  }
  return (
    <Dialog
      title={texts.title(ids.length)}
      onClose={onClose}
      actions={
        <>
          <Button onClick={onClose}>{t.common.cancel}</Button>
          <Button look="danger" disabled={isBusy} onClick={() => void act()}>
            {texts.act}
          </Button>
        </>
      }
    >
      <p>{texts.text}</p>
    </Dialog>
  );
}
