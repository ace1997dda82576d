# Installs Shoal on Windows: downloads the archive, checks its sum, and puts the program into a folder
# of the user's that is on the PATH. Nothing is changed before all of it is there and right.
#
#   install.ps1 [-Version V] [-Prefix DIR] [-BaseUrl URL] [-Uninstall]
#
# The sum is the one that this script was made with, so whoever has the right script gets the right
# program; SHA256SUMS.minisig is for those who check a signature as well.
[CmdletBinding()]
param(
  [string]$Version = '@VERSION@',
  [string]$Prefix = (Join-Path $env:LOCALAPPDATA 'Programs\Shoal'),
  [string]$BaseUrl = '@BASE_URL@',
  [switch]$Uninstall
)
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'
$name = 'shoal-windows-x64'
$known = @{ '@VERSION@' = '@WINDOWS_SUM@' }

function Stop-With([string]$Message) {
  # Not `exit`, which would close the window of somebody who pipes this script into iex.
  throw "install.ps1: $Message"
}

$userPath = [Environment]::GetEnvironmentVariable('Path', 'User')
$parts = @($userPath -split ';' | Where-Object { $_ -ne '' })

if ($Uninstall) {
  if (-not (Test-Path (Join-Path $Prefix 'shoal.exe'))) {
    Stop-With "no Shoal is installed in $Prefix; name its -Prefix"
  }
  Remove-Item -Recurse -Force $Prefix
  $left = @($parts | Where-Object { $_ -ne $Prefix }) -join ';'
  [Environment]::SetEnvironmentVariable('Path', $left, 'User')
  Write-Output "Shoal is removed from $Prefix. Shared folders and their .shoal are left alone."
  return
}

if ($BaseUrl.StartsWith('@')) { Stop-With 'needs -BaseUrl: the address of the releases' }
if (-not [Environment]::Is64BitOperatingSystem) { Stop-With 'there is no program for 32-bit Windows' }
$expected = $known[$Version]
if (-not $expected) { Stop-With "this script installs @VERSION@; take the one of $Version" }

$parent = Split-Path -Parent $Prefix
New-Item -ItemType Directory -Force $parent | Out-Null
# On the disk of the prefix, so that a full one is found before anything is in place.
$temporary = Join-Path $parent ('.shoal-install-' + [Guid]::NewGuid())
New-Item -ItemType Directory $temporary | Out-Null
try {
  $archive = Join-Path $temporary "$name.zip"
  $address = "$($BaseUrl.TrimEnd('/'))/$Version/$name.zip"
  try { Invoke-WebRequest -UseBasicParsing $address -OutFile $archive }
  catch { Stop-With "cannot download ${address}: $($_.Exception.Message)" }
  if ((Get-FileHash -Algorithm SHA256 $archive).Hash -ne $expected) {
    Stop-With "$name.zip was damaged on its way: nothing was installed; try again"
  }
  try { Expand-Archive $archive -DestinationPath $temporary }
  catch { Stop-With "cannot unpack $name.zip: is there space on $Prefix? Nothing was installed" }
  $from = Join-Path $temporary $name
  & (Join-Path $from 'shoal.exe') --version | Out-Null
  if ($LASTEXITCODE -ne 0) { Stop-With "the program doesn't run on this machine" }
  $old = "$temporary\old"
  if (Test-Path $Prefix) { Move-Item $Prefix $old }
  Move-Item $from $Prefix
  if ($parts -notcontains $Prefix) {
    [Environment]::SetEnvironmentVariable('Path', (@($parts) + $Prefix) -join ';', 'User')
    Write-Output 'It is on your PATH in new windows.'
  }
  Write-Output "Shoal $Version is installed in $Prefix."
}
finally { Remove-Item -Recurse -Force $temporary -ErrorAction SilentlyContinue }
