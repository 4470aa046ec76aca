import { useState } from 'react';
import type { ImageOut } from '../../api/schema';
import { Button } from '../../components/Button';
import { Dialog } from '../../components/Dialog';
import { t } from '../../texts';
import { ImageList } from './ImageList';

type ImagePickerProps = {
  readonly title: string;
  readonly action: string;
  readonly onChoose: (image: ImageOut) => void;
  readonly onClose: () => void;
  readonly children?: React.ReactNode;
};

/** One image of the project; `children` are further ways to come to one. */
export function ImagePicker({ title, action, onChoose, onClose, children }: ImagePickerProps) {
  const [chosen, setChosen] = useState<ImageOut | null>(null);
  return (
    <Dialog
      title={title}
      isLarge
      onClose={onClose}
      actions={
        <>
          {children}
          <Button onClick={onClose}>{t.common.cancel}</Button>
          <Button
            look="primary"
            disabled={!chosen}
            title={chosen ? undefined : t.images.chooseFirst}
            onClick={() => chosen && onChoose(chosen)}
          >
            {action}
          </Button>
        </>
      }
    >
      <ImageList chosen={chosen?.id ?? null} onChoose={setChosen} onOpen={onChoose} />
    </Dialog>
  );
}
