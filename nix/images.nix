# One image a program: its closure, certificates of public authorities, no shell.
{
  lib,
  dockerTools,
  binaries,
}:
let
  image =
    name: program: command:
    dockerTools.streamLayeredImage {
      inherit name;
      # No tag of our own: nixpkgs takes one from all that the image is made of, so what a Job or
      # a Deployment names can't change under it. The sources' hash is a label.
      contents = [ dockerTools.caCertificates ];
      config = {
        Entrypoint = [ (lib.getExe program) ];
        Cmd = command;
        # By number, so that `runAsNonRoot` can be checked without a passwd file.
        User = "65532:65532";
        WorkingDir = "/";
        Labels = {
          "org.opencontainers.image.title" = name;
          "org.opencontainers.image.version" = binaries.version;
          "org.opencontainers.image.licenses" = "Apache-2.0";
          "internal.urr.source-hash" = binaries.sourceHash;
        };
      };
    };
in
{
  image-urr = image "urr" binaries.urr [ "--help" ];
  image-operator = image "urr-operator" binaries.urr-operator [ ];
}
