import { useRef } from 'react';
import { Button } from '../../components/Button';
import type { IconName } from '../../components/Icon';

/** What the server reads. */
export const ACCEPTED = 'image/*,.tif,.tiff,.json,.zip';

type FileButtonProps = {
  readonly label: string;
  readonly look?: 'primary' | 'plain' | 'quiet';
  readonly icon?: IconName;
  readonly disabled?: boolean;
  readonly title?: string | undefined;
  readonly onFiles: (files: File[]) => void;
};

/** A button that asks for files. */
export function FileButton({ label, icon = 'upload', onFiles, ...rest }: FileButtonProps) {
  const input = useRef<HTMLInputElement>(null);
  return (
    <>
      <input
        ref={input}
        type="file"
        multiple
        hidden
        accept={ACCEPTED}
        onChange={(event) => {
          const files = [...(event.target.files ?? [])];
          event.target.value = '';
          if (files.length > 0) onFiles(files);
        }}
      />
      <Button icon={icon} {...rest} onClick={() => input.current?.click()}>
        {label}
      </Button>
    </>
  );
}
